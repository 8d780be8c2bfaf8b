from core.ops import metrics


async def test_the_running_loop_is_named() -> None:
    assert metrics.loop_name().startswith(("asyncio.", "uvloop."))


def test_operations_are_counted_by_fixed_labels() -> None:
    before = (
        metrics.REGISTRY.get_sample_value("tongban_operations_total", {"type": "query", "outcome": "answered"}) or 0
    )
    metrics.observe_operation("query", "answered", 0.002)
    text = metrics.expose().decode()
    assert f'tongban_operations_total{{outcome="answered",type="query"}} {before + 1}' in text
    assert 'tongban_operation_seconds_bucket{le="0.0025",type="query"}' in text
