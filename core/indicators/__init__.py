"""Indicators: declared aggregates, counted period by period, judged, and told as data for charts."""

from core.indicators.indicators import Chart, Glance, Indicators

__all__ = ["Chart", "Glance", "Indicators"]
