"""Names that are valid but already mean something: to Python, to the object mapper, to the host's own columns."""

from __future__ import annotations

import keyword

from core.fields.system import SYSTEM_FIELDS

#: Public names of tortoise.models.Model and what its queries take as arguments; a test compares them with the package.
_MODEL = """
pk save filter objects meta all annotate bulk_create bulk_update clone construct create delete
describe earliest exclude exists fetch_for_list fetch_related first full_clean get get_or_create
get_or_none get_table in_bulk last latest raw refresh_from_db register_listener select_for_update
select_related update_from_dict update_or_create using_db
"""
MODEL_NAMES = frozenset(_MODEL.split())
#: Fields the host adds to every GraphQL type or keeps in every table.
HOST_NAMES = frozenset({*SYSTEM_FIELDS, "deleted_at", "masked_fields", "typename"})
#: Soft keywords are left out: `match` and `type` are good names of fields.
RESERVED = frozenset(keyword.kwlist) | {"true", "false", "null", "none", "self", "me"} | MODEL_NAMES | HOST_NAMES

_TYPES = """
AdminRequest AdminRole AuditPage AuditRecord AuditState BillPage BillState BookingKindInfo BookingSlot BooleanFilter
BoundPerson BoxInput CalendarDay CalendarDayInput CalendarDayKind CalendarEffect CalendarNoticeInput CaseActInput
CaseAction CaseDetail CaseFailedPart CaseMessage CaseMove CasePage CasePause CaseRating CaseStats CaseStatsKey CaseStep
CaseSupervision CaseTask CaseValue CodeFilter CodeListFilter ConfirmedAdmin ConnectorCall ConnectorCallPage
ConnectorCallState ConnectorHealth ConsentField ConsentState DataLook DateBucket DateFilter DateTime DatetimeFilter
DecimalFilter DelegationInput DelegationKind DivisionFilter DivisionLevel DivisionState DocumentStatus DocumentValidity
DocumentVerdict DueColour DueDay DueExplanation DutyHours DutyHoursInput DutySeason DutySeasonInput DutyShift DutySpan
DutySpanInput EntityChange EntityHistory EntityVersion ErasureHold ExportFormat ExportedFile FileFilter GridFilter
HostNode HostPlugin IdFilter IdnoFilter ImportFault ImportReport InboxBox InboxCounts IndicatorBreakdown IndicatorChart
IndicatorCycle IndicatorGlance IndicatorGood IndicatorLine IndicatorPeriod IndicatorPoint IndicatorState IndicatorTrend
IntegerFilter IntegerListFilter IssuedDocument JsonFilter LicenceGrant LoginAccount LoginSession LongFilter MapBox
MapCollection MapColour MapFeature MapGeometry MapLayer MapPoint MapProperties MessageChannel MessageDelivery
MessagePage MessagePreferences MessagePreferencesInput MoneyFilter MyBooking MyBookingPage MyConsent MyDataRow
MyDataSection MyDataValue MyDelegation MyDelegations MyGuardianLink MyGuardianLinks MyLegalEntity MyMessage NearInput
OfficerLogin OidcProviderInfo OidcStart OnDuty OneTimePassword OrderDirection PageInfo PageSize PaymentDifference
PaymentLink PaymentPart PaymentReconciliation PaymentRefund PaymentState PhoneFilter PlateFilter PluginState PointFilter
PointInput PolygonFilter PrefilledValue PurposeBasis RatingStats RatingTag RefFilter RefundState RevokeReason
SeenLicence SentCode SequenceFilter ServiceConsent ServiceDraft ServiceEligibility ServiceForm ServiceGuide ServiceItem
ServiceMaterial ServicePage ServicePlace ServiceQuestion ServiceRefusal ServiceTopic SessionTokens ShownLicence
SlotBooking SlotPlanInput StringFilter StringListFilter StuckDocument TaskOutcome TaskPage TextFilter TimeFilter
TimeUnit TotpEnrolment UndeliveredMessage UnmaskedValue UsccFilter WhichCases WindowApplicationInput
"""
#: GraphQL types of the host that a plugin and an entity could spell together; a test compares them with the schema.
HOST_TYPES = frozenset(_TYPES.split())
