"""Rule `predict_gslrm`."""

from mouse_facelift.gslrm.predict import predict_gslrm
from workflow_scripts.command import run

if __name__ == "__main__":
    run(predict_gslrm)
