"""Room 2: posed frames become views on the camera contract, by honest geometry, with the residual measured."""
