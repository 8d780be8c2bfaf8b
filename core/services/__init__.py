"""What the county offers: service items by topic and division, found by words, told in plain sentences."""

from core.services.catalogue import Catalogue, Item, Shelf
from core.services.guide import Guide, guide_of

__all__ = ["Catalogue", "Guide", "Item", "Shelf", "guide_of"]
