"""All statements, in the order of the page."""

from mouse_facelift.evaluation.log_experiments import camera_questions, training_questions

QUESTIONS = (*camera_questions.QUESTIONS, *training_questions.QUESTIONS)
