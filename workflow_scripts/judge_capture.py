"""Rule `judge_capture`: the verdict on a capture."""

from mouse_facelift.capture.judge_capture import judge_capture
from workflow_scripts.command import run

if __name__ == "__main__":
    run(judge_capture)
