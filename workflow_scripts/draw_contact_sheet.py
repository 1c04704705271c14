"""Rule `draw_contact_sheet`."""

from mouse_facelift.evaluation.contact_sheet import draw_contact_sheet
from workflow_scripts.command import run

if __name__ == "__main__":
    run(draw_contact_sheet)
