"""What both pictures need of SVG: escaped text, elements, numbers without tails."""

from xml.sax.saxutils import escape, quoteattr

FONT = "font-family: system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"


def number(value):
    """Two digits are enough for a pixel."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def element(name, content="", **attributes):
    """A class is given as class_, and other names with _ for -. The content is SVG: text must have been escaped."""
    words = "".join(f" {key.rstrip('_').replace('_', '-')}={quoteattr(number(value))}" for key, value in attributes.items())
    return f"<{name}{words}>{content}</{name}>" if content else f"<{name}{words}/>"


def text(words, **attributes):
    return element("text", escape(words), **attributes)


def document(width, height, title, description, style, body):
    head = element("title", escape(title), id="title") + element("desc", escape(description), id="desc")
    inside = "\n".join([head, element("style", escape(style)), *body])
    return element(
        "svg",
        "\n" + inside + "\n",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=width,
        height=height,
        role="img",
        aria_labelledby="title desc",
    ) + "\n"
