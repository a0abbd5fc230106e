"""The frame of the report: one HTML file that needs no server, network, font or script."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from medtk_monai.metrics import Interval

STYLE = """
:root{--ink:#1c2733;--soft:#566573;--line:#d5dce3;--paper:#fff;--ground:#f4f6f8;--blue:#1f5fa8;--amber:#b45309}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
main,header,footer{max-width:1120px;margin:0 auto;padding:0 20px}
header{padding-top:28px}
h1{font-size:1.7rem;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:0 0 12px}
h3{font-size:1rem;margin:18px 0 8px}
p{margin:0 0 10px}
.soft,figcaption,footer{color:var(--soft);font-size:.9rem}
section{background:var(--paper);border:1px solid var(--line);border-radius:6px;padding:20px;margin:18px 0}
.tiles{display:grid;grid-template-columns:repeat(6,1fr);gap:12px;margin:18px 0;padding:0}
.tile{background:var(--paper);border:1px solid var(--line);border-radius:6px;padding:12px 14px;margin:0}
.tile dt{color:var(--soft);font-size:.85rem}
.tile dd{margin:0;font-size:1.55rem;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums}
.tile dd.note{font-size:.82rem;font-weight:400;color:var(--soft)}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:24px}
.pair>*{min-width:0}
.gallery{margin-bottom:12px;display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:18px}
figure{margin:0;break-inside:avoid}
figure svg{width:100%;height:auto;display:block}
figcaption,.caption{margin:6px 0 10px}
.gallery figure{border:1px solid var(--line);border-radius:6px;overflow:hidden;background:var(--paper)}
.gallery img{width:100%;height:auto;display:block;background:#11151c}
.gallery figcaption{margin:0;padding:8px 10px;color:var(--ink);font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.scroll{overflow-x:auto;margin:0 0 12px;background:linear-gradient(to right,#fff 40%,#fff0) left/48px 100%,
linear-gradient(to left,#fff 40%,#fff0) right/48px 100%,linear-gradient(to right,#0003,#0000) left/12px 100%,
linear-gradient(to left,#0003,#0000) right/12px 100%;background-repeat:no-repeat;background-attachment:local,local,scroll,scroll}
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
.caption{color:var(--soft);font-size:.88rem}
.caption:not(:first-child){margin-top:16px}
th,td{padding:6px 10px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap;vertical-align:top}
th:first-child,td:first-child{text-align:left}
thead th{color:var(--soft);font-weight:600;border-bottom:2px solid var(--line)}
tbody th{font-weight:500}
table.facts td{text-align:left;white-space:normal;overflow-wrap:anywhere}
table.facts th{width:30%;white-space:normal}
ul.columns{columns:3;column-gap:24px;margin:0;padding:0;list-style:none;font-size:.88rem}
ul.columns li{break-inside:avoid;overflow-wrap:anywhere}
ul.columns b{font-weight:500}
footer{padding-bottom:40px}
@media (max-width:900px){.tiles{grid-template-columns:repeat(3,1fr)}}
@media (max-width:699px){
main,header,footer{padding:0 12px}header{padding-top:18px}
.pair,.gallery{grid-template-columns:minmax(0,1fr)}.tiles{grid-template-columns:1fr 1fr}
section{padding:14px 12px}h1{font-size:1.35rem}.tile dd{font-size:1.35rem}
ul.columns{columns:1}figure svg{font-size:17px}
table{font-size:.84rem}th,td{padding:5px 6px}thead th,table.named th{white-space:normal}table.named tbody th{min-width:10.5em}
}
@page{margin:14mm}
@media print{
body{background:#fff;color:#000;font-size:10.5pt}
main,header,footer{max-width:none;padding:0}
section{border:0;border-top:1px solid #999;border-radius:0;padding:10px 0;margin:8px 0}
.tile{border-color:#999}.tiles{grid-template-columns:repeat(6,minmax(0,1fr));gap:6px}.tile{padding:6px 8px}.tile dd{font-size:1.15rem}
.soft,figcaption,footer,.caption,thead th,.tile dt,.tile dd.note{color:#333}
.pair{grid-template-columns:1fr 1fr}.gallery{grid-template-columns:repeat(3,1fr);gap:8px}.gallery figcaption{font-size:8pt;padding:4px 6px}
table{font-size:8.5pt}th,td{padding:3px 5px}th{white-space:normal}ul.columns{font-size:8pt}
.tile,tr,.scroll,p,h2{break-inside:avoid}h2,h3,h2+p,.caption:has(+.scroll){break-after:avoid}.scroll{overflow:visible;background:none}
figure svg{font-size:16px}
img,svg{-webkit-print-color-adjust:exact;print-color-adjust:exact}
}
"""
_LONG = 16
"""Letters of a row's name from which on the first column of a table keeps a width of its own on narrow screens."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Browsers load nothing from anywhere, whatever names and titles say."""


def text(value: Any) -> str:
    """A value as it may stand in HTML, in attributes as well."""
    return escape(str(value), quote=True)


def page(title: str, lead: str, body: Sequence[str], foot: str) -> str:
    """The whole file.

    Args:
        title: plain text, and so are lead and foot.
        body: HTML.
    """
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{text(_POLICY)}">',
            f"<title>{text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
            f'<header><h1>{text(title)}</h1><p class="soft">{text(lead)}</p></header>\n<main>',
            *body,
            f"</main>\n<footer><p>{text(foot)}</p></footer>\n</body>\n</html>\n",
        ]
    )


def section(heading: str, *parts: str) -> str:
    """A part of the page; a heading in plain text, then HTML."""
    name = "".join(letter if letter.isalnum() else "-" for letter in heading.lower())
    return f'<section aria-labelledby="{text(name)}">\n<h2 id="{text(name)}">{text(heading)}</h2>\n' + "\n".join(parts) + "\n</section>"


def paragraph(words: str, kind: str = "") -> str:
    return f"<p{f' class={kind}' if kind else ''}>{text(words)}</p>"


def tiles(entries: Sequence[tuple[str, str, str]]) -> str:
    """The figures on top: name, value, and a note such as the interval."""
    cells = [
        f'<div class="tile"><dt>{text(name)}</dt><dd>{text(value)}</dd><dd class="note">{text(note)}</dd></div>'
        for name, value, note in entries
    ]
    return '<dl class="tiles">' + "".join(cells) + "</dl>"


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table with a head; the first cell of a row names it. It scrolls in a box of its own where the screen is narrow."""
    first = "".join(f'<th scope="col">{text(cell)}</th>' for cell in head)
    lines = "".join(
        f'<tr><th scope="row">{text(row[0])}</th>' + "".join(f"<td>{text(cell)}</td>" for cell in row[1:]) + "</tr>\n" for row in rows
    )
    kind = ' class="named"' if any(len(str(row[0])) > _LONG for row in rows) else ""
    return _boxed(caption, f"<table{kind}><thead><tr>{first}</tr></thead><tbody>\n{lines}</tbody></table>")


def facts(caption: str, rows: Sequence[tuple[str, Any]]) -> str:
    """A table of names and what they stand for."""
    lines = "".join(f'<tr><th scope="row">{text(name)}</th><td>{text(value)}</td></tr>\n' for name, value in rows)
    return _boxed(caption, f'<table class="facts"><tbody>\n{lines}</tbody></table>')


def _boxed(caption: str, content: str) -> str:
    # Outside of the box the caption stays in sight while the table scrolls.
    box = f'<div class="scroll" role="region" tabindex="0" aria-label="{text(caption)}">{content}</div>'
    return f'<div><p class="caption">{text(caption)}</p>{box}</div>'


def columns(caption: str, rows: Sequence[tuple[str, Any]]) -> str:
    """A long list of names and short values, in columns."""
    items = "".join(f"<li><b>{text(name)}</b> {text(value)}</li>" for name, value in rows)
    return f'<p class="caption">{text(caption)}</p><ul class="columns">{items}</ul>'


def figure(content: str, *captions: str) -> str:
    """A chart or picture with the lines of its caption, in plain text; the first of several is in bold."""
    first = f"<strong>{text(captions[0])}</strong>" if len(captions) > 1 else text(captions[0])
    return f"<figure>{content}<figcaption>{'<br>'.join([first, *map(text, captions[1:])])}</figcaption></figure>"


def pair(*parts: str) -> str:
    """Side by side where there is room."""
    return '<div class="pair">' + "".join(parts) + "</div>"


def gallery(parts: Sequence[str]) -> str:
    return '<div class="gallery">' + "\n".join(parts) + "</div>"


def number(value: float | None, digits: int = 3) -> str:
    """Fixed digits; a dash for what is undefined."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def ends(value: Interval, digits: int = 3) -> str:
    """An interval, low to high."""
    return "–" if value.low != value.low else f"{number(value.low, digits)} to {number(value.high, digits)}"
