"""Slots and stock: published, held with an expiry, confirmed, released; never oversold."""
