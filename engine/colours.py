"""The colours of classes and curves: the same on the screen and in a figure, whatever the ground."""

CLASS_COLOURS = (
    "#e69f00",
    "#56b4e9",
    "#009e73",
    "#f0e442",
    "#0072b2",
    "#d55e00",
    "#cc79a7",
    "#a6761d",
    "#b2df8a",
    "#9a8fd8",
)
"""Colour-blind-safe: Okabe & Ito (2008), and three that stay apart from theirs in lightness."""

CLASS_INKS = (
    "#b87400",
    "#2b8cc4",
    "#007a59",
    "#8a8a00",
    "#004f80",
    "#b03a00",
    "#a8487f",
    "#6b4a0c",
    "#5d9a2a",
    "#6a5bb8",
)
"""The same hues, dark enough for a light ground (3:1 and more on white)."""

RUN_COLOURS = CLASS_COLOURS[1:3] + CLASS_COLOURS[0:1] + CLASS_COLOURS[5:7] + CLASS_COLOURS[3:5] + CLASS_COLOURS[7:]
TRAIN_COLOUR, VALIDATION_COLOUR = CLASS_COLOURS[1], CLASS_COLOURS[0]
