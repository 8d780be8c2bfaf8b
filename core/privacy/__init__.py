"""What the law gives people: consent, delegation, guardians, their own data."""

from core.privacy.catalogue import Catalogue as DataCatalogue
from core.privacy.privacy import Privacy

__all__ = ["DataCatalogue", "Privacy"]
