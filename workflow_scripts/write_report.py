"""Rule `write_report`."""

from mouse_facelift.evaluation.report.report import write_report
from workflow_scripts.command import run

if __name__ == "__main__":
    run(write_report)
