"""Pictures: networks, weights, charts and the comparison page, all drawn as SVG by code of our own."""
