"""The rules by which a province looks over an 实施清单 before it is published: elements that contradict each other."""

from __future__ import annotations

from tongban_sdk.problems import Place

from core.manifest.cases import Service
from core.manifest.draft import Draft
from core.manifest.item_checks import Places
from core.manifest.items import approve_type, is_online

#: How the name of a result ends, and how an item with such a result is finished.
_FINISHES = (("批复", "审批办结"), ("证", "出证办结"), ("文", "出文办结"))
_EXPRESS = "快递申请"


def lint_item(service: Service, at: Places, draft: Draft) -> None:
    _check_promise(service, at, draft)
    _check_result(service, at, draft)
    _check_on_site(service, at, draft)
    _check_fee(service, at, draft)


def _check_promise(service: Service, at: Places, draft: Draft) -> None:
    """Whatever takes time has a promise; what is decided at once has none."""
    is_promised = service.project_type == "承诺件"
    if is_promised != (service.promise is not None):
        message = "承诺件没有写承诺办结时限" if is_promised else "有承诺办结时限的是承诺件，这里写的是即办件"
        hint = "写上 promise: {value: …, unit: WD}" if is_promised else "project_type 改成 承诺件，或删去 promise"
        draft.error("service.lint-promise", at.place("project_type"), message, hint)
    wanted = "前审后批" if is_promised else "即审即办"
    if approve_type(service) != wanted:
        message = f"{service.project_type}的审批方式应为{wanted}"
        draft.error("service.lint-promise", _element(at, "approve_type"), message, f"改成 {wanted}，或删去")


def _check_result(service: Service, at: Places, draft: Draft) -> None:
    name = service.elements.get("result_name", "")
    wanted = next((finish for ending, finish in _FINISHES if name.endswith(ending)), "")
    written = service.elements.get("finish_type", wanted)
    if wanted and written != wanted:
        message = f"审批结果叫“{name}”，办结方式应为{wanted}，这里是{written}"
        draft.error("service.lint-result", _element(at, "finish_type"), message, f"改成 {wanted}，或改结果的名称")


def _check_on_site(service: Service, at: Places, draft: Draft) -> None:
    elements, times = service.elements, service.on_site_times
    reason = elements.get("limit_scene_explain", "无")
    if (times > 0) != (reason != "无"):
        message = f"到现场 {times} 次，没有写必须到现场的原因" if times else "不用到现场，却写了必须到现场的原因"
        hint = "在 elements 里写 limit_scene_explain" if times else "删去 limit_scene_explain，或写 无"
        draft.error("service.lint-on-site", at.place("on_site_times"), message, hint)
    if times and elements.get("online_handle_depth") == "Ⅳ":
        message = f"全程网办（Ⅳ）的事项到现场次数应为 0，这里是 {times}"
        draft.error("service.lint-depth", _element(at, "online_handle_depth"), message, "改正网办深度或到现场次数")
    is_posted = elements.get("is_express", False) or _EXPRESS in elements.get("handle_type", ())
    is_internal = set(service.channels) <= {"device", "system"}
    if times == 0 and not (is_internal or is_online(service) or is_posted or "hotline" in service.channels):
        message = "不用到现场，又不能网上办，就要能邮寄办理"
        draft.warning(
            "service.lint-post", at.place("channels"), message, f"handle_type 里加上 {_EXPRESS}，或开通网上办理"
        )


def _check_fee(service: Service, at: Places, draft: Draft) -> None:
    if not service.fee.get("is_fee"):
        return
    missing = [key for key in ("fee_name", "fee_stand", "by_law") if key not in service.fee]
    if missing:
        message = f"收费的事项要写明项目、标准和依据，缺少 {'、'.join(missing)}"
        draft.error("service.lint-fee", at.place("fee"), message, f"写上 {'、'.join(missing)}")
    if not service.elements.get("is_pay_online"):
        draft.error(
            "service.lint-fee", at.place("fee"), "收费的事项要能网上支付", "在 elements 里写 is_pay_online: true"
        )


def _element(at: Places, name: str) -> Place:
    return at.place("elements", name)
