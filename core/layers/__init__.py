"""Map layers: rows of an entity on the map, in the reader's rights, never more than a screen can show."""

from core.layers.feature import Collection, Feature
from core.layers.maps import Maps
from core.layers.shelf import layers_of

__all__ = ["Collection", "Feature", "Maps", "layers_of"]
