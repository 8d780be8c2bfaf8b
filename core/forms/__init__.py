"""Forms: what people fill in, from one description for the browser and the server."""

from core.forms.eligibility import Refusal, Standing, eligibility
from core.forms.validate import validate
from core.forms.view import FormView, form_of

__all__ = ["FormView", "Refusal", "Standing", "eligibility", "form_of", "validate"]
