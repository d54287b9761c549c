"""A confusion matrix and the accuracy of each class, as SVG."""

from .predictions import Predictions
from .svg import SHADES, Drawing, text_width


def confusion_matrix(predictions: Predictions, *, inline: bool = False) -> str:
    """Rows are what pictures show, columns what they were taken for; each row's shares as shades, counts as numbers."""
    draw = Drawing()
    rows, columns = predictions.known, range(len(predictions.classes))
    cell = 34.0 if len(predictions.classes) <= 12 else 27.0
    label = max(text_width(name, 10.5) for name in predictions.classes) + 10
    left, top = 16 + label, 62 + label * 0.72
    draw.text(16, 24, "What is taken for what", size=14, css="ink bold")
    draw.text(16, 42, "a row: what the pictures show; a column: what the network says", size=10, css="soft")
    for column in columns:
        draw.text(left + (column + 0.62) * cell, top - 6, predictions.classes[column], size=10.5, turn=-45)
    for at, row in enumerate(rows):
        y = top + at * cell
        total = int(predictions.confusion[row].sum())
        draw.text(left - 8, y + cell / 2 + 3.5, predictions.classes[row], size=10.5, anchor="end")
        for column in columns:
            count = int(predictions.confusion[row, column])
            x = left + column * cell
            draw.open(f"{predictions.classes[row]}, taken for {predictions.classes[column]}: {count:,} of {total:,}")
            draw.rect(x, y, cell - 1.5, cell - 1.5, "panel", radius=3)
            if count:
                kind = "ours" if row == column else "limit-tip"
                draw.rect(x, y, cell - 1.5, cell - 1.5, f"{kind} {_shade(count / total)}", radius=3)
                css = "paper bold" if count / total > 0.55 else "ink"
                draw.text(x + (cell - 1.5) / 2, y + cell / 2 + 3, f"{count}", size=9, css=css, anchor="middle")
            draw.close()
    bottom = top + len(rows) * cell + 22
    draw.rect(left, bottom - 9, 12, 10, "ours", radius=2)
    draw.text(left + 17, bottom, "right", size=10, css="soft")
    draw.rect(left + 68, bottom - 9, 12, 10, "limit-tip", radius=2)
    draw.text(left + 85, bottom, "wrong; the stronger, the larger the share of the row", size=10, css="soft")
    width = max(left + len(predictions.classes) * cell + label * 0.72 + 12, left + 85 + 290)
    return draw.svg(width, bottom + 16, "What is taken for what", inline=inline)


def class_accuracy(predictions: Predictions, *, inline: bool = False, width: float = 560) -> str:
    """A bar for each class, the best first, with the interval in which its true accuracy lies."""
    draw = Drawing()
    order = sorted(predictions.known, key=lambda i: -predictions.accuracy(i)[0])
    label = max(text_width(predictions.classes[i], 10.5) for i in order) + 10
    left, right, top, pitch = 16 + label, width - 64, 66.0, 24.0
    bottom = top + len(order) * pitch
    draw.text(16, 24, "Right, class by class", size=14, css="ink bold")
    draw.text(16, 42, "percent; the line is the 95 % interval that so few pictures allow", size=10, css="soft")
    for tick in range(0, 101, 20):
        x = left + tick / 100 * (right - left)
        draw.line([(x, top - 4), (x, bottom)], "rule")
        draw.text(x, bottom + 14, f"{tick}", size=10, css="soft", anchor="middle")
    for at, index in enumerate(order):
        share, low, high = predictions.accuracy(index)
        y = top + at * pitch
        name, total = predictions.classes[index], int(predictions.confusion[index].sum())
        draw.open(f"{name}: {100 * share:.1f} % of {total:,}; 95 % interval {100 * low:.0f}–{100 * high:.0f} %")
        draw.text(left - 8, y + 12.5, name, size=10.5, anchor="end")
        draw.rect(left, y + 2, max(share * (right - left), 1), pitch - 9, "ours", radius=2)
        draw.line([(left + low * (right - left), y + 9.5), (left + high * (right - left), y + 9.5)], "edge")
        draw.text(right + 10, y + 12.5, f"{100 * share:.1f}", size=10.5)
        draw.close()
    return draw.svg(width, bottom + 26, "Right, class by class", inline=inline)


def _shade(share: float) -> str:
    return f"shade{max(1, round(share**0.5 * SHADES))}"  # the root, so that rare mistakes can be told apart
