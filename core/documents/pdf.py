"""A sheet as PDF: A4, one Chinese typeface embedded with the letters used, a round red seal, a QR code."""

from __future__ import annotations

import io
import math
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

import segno
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import WrapMode, XPos, YPos

from core.documents.sheet import MissingGlyphError, Sheet
from core.documents.wording import printed

#: Noto Serif SC, 30,890 letters (SIL Open Font License 1.1).
FONT = Path(str(files("pylopdf_fonts_zh_cn") / "NotoSerifSC-Regular.otf"))
MARGIN_MM, LINE_MM, QR_MM = 28.0, 9.5, 26.0
SEAL_RADIUS_MM = 20.0
SEAL_RED = (200, 16, 30)
#: The name of the unit runs over this arc, the star stands in the middle (国发〔1999〕25号: a round seal with a star).
SEAL_ARC_DEGREES = 240.0


class PdfRenderer:
    mime: ClassVar[str] = "application/pdf"
    suffix: ClassVar[str] = ".pdf"

    def render(self, sheet: Sheet) -> bytes:
        _check_letters(sheet)
        pdf = FPDF(format="A4")
        pdf.set_margins(MARGIN_MM, 30, MARGIN_MM)
        pdf.set_auto_page_break(True, margin=25)
        pdf.set_title(sheet.title)
        pdf.set_author(sheet.unit)
        pdf.set_lang("zh-CN")
        pdf.add_font("song", fname=FONT)
        pdf.add_page()
        _heading(pdf, sheet)
        _text(pdf, sheet)
        _foot(pdf, sheet)
        return bytes(pdf.output())


def _heading(pdf: FPDF, sheet: Sheet) -> None:
    pdf.set_font("song", size=24)
    pdf.multi_cell(0, 14, sheet.title, align="C", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.set_font("song", size=10.5)
    pdf.cell(0, 12, f"编号：{sheet.number}", align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.ln(6)


def _text(pdf: FPDF, sheet: Sheet) -> None:
    pdf.set_font("song", size=14)
    for paragraph in sheet.paragraphs:
        text = f"　　{paragraph}"
        pdf.multi_cell(0, LINE_MM, text, align="L", wrapmode=WrapMode.CHAR, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _foot(pdf: FPDF, sheet: Sheet) -> None:
    if pdf.will_page_break(2 * SEAL_RADIUS_MM + QR_MM):
        pdf.add_page()
    pdf.ln(SEAL_RADIUS_MM)
    top = pdf.get_y()
    for line in (sheet.unit, printed(sheet.issued_on)):
        pdf.cell(0, LINE_MM, line, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    _seal(pdf, sheet.unit, pdf.w - MARGIN_MM - SEAL_RADIUS_MM, top + LINE_MM / 2)
    pdf.set_y(top + SEAL_RADIUS_MM + LINE_MM)
    _qr(pdf, sheet)


def _qr(pdf: FPDF, sheet: Sheet) -> None:
    image = io.BytesIO()
    segno.make(sheet.address, error="m").save(image, kind="png", scale=8, border=2)
    top = pdf.get_y()
    pdf.image(image, x=MARGIN_MM, y=top, w=QR_MM, alt_text="验证二维码")
    pdf.set_font("song", size=9)
    end = f"有效期至{printed(sheet.valid_to)}" if sheet.valid_to else "长期有效"
    lines = (end, f"验证码：{sheet.code}", "扫码或在验证页输入验证码，核对真伪和是否有效")
    for i, line in enumerate(lines):
        pdf.set_xy(MARGIN_MM + QR_MM + 3, top + 3 + i * 6.5)
        pdf.cell(0, 6.5, line)


def _seal(pdf: FPDF, unit: str, x: float, y: float) -> None:
    with pdf.local_context(draw_color=SEAL_RED, text_color=SEAL_RED, fill_color=SEAL_RED, fill_opacity=0.85):
        pdf.set_line_width(0.9)
        pdf.circle(x, y, SEAL_RADIUS_MM)
        pdf.set_line_width(0.2)
        pdf.polygon(_star(x, y, SEAL_RADIUS_MM * 0.3), style="F")
        # More letters are smaller ones: they share the arc.
        width_mm = math.radians(SEAL_ARC_DEGREES) * SEAL_RADIUS_MM * 0.76 / max(len(unit), 8)
        pdf.set_font("song", size=min(14.0, width_mm * 72 / 25.4))
        for i, letter in enumerate(unit):
            _on_arc(pdf, letter, (i + 0.5) / len(unit) - 0.5, x, y)


def _on_arc(pdf: FPDF, letter: str, place: float, x: float, y: float) -> None:
    """One letter of the seal, upright on the arc; `place` runs from -0.5 to 0.5."""
    angle = place * SEAL_ARC_DEGREES
    size_mm = pdf.font_size
    with pdf.rotation(-angle, x, y):
        pdf.text(x - pdf.get_string_width(letter) / 2, y - SEAL_RADIUS_MM + 2 + size_mm, letter)


def _star(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    points = []
    for i in range(10):
        angle, length = math.pi * i / 5, radius if i % 2 == 0 else radius * 0.382
        points.append((x + length * math.sin(angle), y - length * math.cos(angle)))
    return points


def _check_letters(sheet: Sheet) -> None:
    text = "".join((sheet.title, *sheet.paragraphs, sheet.number, sheet.unit))
    missing = sorted({letter for letter in text if ord(letter) not in _letters()})
    if missing:
        raise MissingGlyphError("、".join(f"U+{ord(letter):04X}" for letter in missing))


@lru_cache(1)
def _letters() -> frozenset[int]:
    with TTFont(FONT, lazy=True) as font:
        return frozenset(font.getBestCmap() or ())
