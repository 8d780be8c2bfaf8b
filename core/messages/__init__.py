"""Messages: what people are told, on which channel, and whether it reached them."""

from core.messages.gateway import Gateway, Post, open_gateway
from core.messages.messages import Messages
from core.messages.preferences import Preferences
from core.messages.rows import Delivery, Message, Recipient

__all__ = ["Delivery", "Gateway", "Message", "Messages", "Post", "Preferences", "Recipient", "open_gateway"]
