"""Reddit's Markdown as its reader sees it, where its marks would mislead a model; docs/text.md lists what changes.

Code stays as it was typed: between backquotes, and on lines that four blanks or a tab begin.
"""

import re

_CODE = re.compile(r"(```.*?```|``[^\n]*?``|`[^`\n]+`|^(?: {4}|\t)[^\n]*$)", re.DOTALL | re.MULTILINE)
_EMPTY = re.compile(r"&(?:#x200b|#8203|zerowidthspace);", re.IGNORECASE)
_BLANK = re.compile(r"&(?:nbsp|#160|#xa0);", re.IGNORECASE)
_SPOILER = re.compile(r">!((?:(?!>!)[^\n])*?)!<")
_PREVIEW = re.compile(r"(?<![(\[<\w/=])https://(?:external-)?preview\.redd\.it/[^\s()<>\[\]]{1,500}")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!>~|^<&])")
_RULER = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_BAR = re.compile(r"(?<!\\)\|")
_GAPS = re.compile(r"\n(?:[ \t]*\n){2,}")


def readable(text: str) -> str:
    """The text without invisible entities, escapes and table rulers; spoilers and pictures are named."""
    if not any(mark in text for mark in ("&", ">!", "\\", "|", "redd.it/")):
        return text
    if "`" not in text and "\n    " not in text and "\n\t" not in text and text[:1] not in (" ", "\t"):
        return _prose(text)
    pieces = _CODE.split(text)
    return "".join(piece if at % 2 else _prose(piece) for at, piece in enumerate(pieces))


def _prose(text: str) -> str:
    shown = text
    if "&" in shown:
        without = _BLANK.sub(" ", _EMPTY.sub("", shown))
        shown = shown if without == shown else _GAPS.sub("\n\n", without)
    if "|" in shown:
        shown = _tables(shown)
    if "!<" in shown:
        shown = _SPOILER.sub(lambda found: f"[spoiler: {found[1].strip()}]", shown)
    if "preview.redd.it/" in shown:
        shown = _PREVIEW.sub(r"[image: \g<0>]", shown)
    return _ESCAPED.sub(r"\1", shown) if "\\" in shown else shown


def _tables(text: str) -> str:
    """Tables as rows of cells with ` | ` between them; the line of dashes below the head goes."""
    lines = text.split("\n")
    shown: list[str] = []
    inside = False
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        barred = _BAR.search(line) is not None
        inside = barred and (inside or _is_ruler(below))
        if not (inside and _is_ruler(line)):
            shown.append(_row(line) if inside else line)
    return "\n".join(shown)


def _is_ruler(line: str) -> bool:
    return "|" in line and "-" in line and _RULER.fullmatch(line) is not None


def _row(line: str) -> str:
    cells = [cell.strip() for cell in _BAR.split(line.strip())]
    edges = slice(1 if cells and not cells[0] else 0, -1 if len(cells) > 1 and not cells[-1] else None)
    return " | ".join(cells[edges])
