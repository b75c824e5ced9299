"""Tables in Markdown, for the data cards that are read on the repository's page."""

import pandas as pd


def table(frame: pd.DataFrame) -> str:
    """`frame` without its index as a table in Markdown; a vertical bar within a cell would end it and is escaped."""
    rows = [frame.columns, ["---"] * frame.shape[1], *frame.astype(str).to_numpy()]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows) + "\n"
