/* Wiring of a training page. */

startRuns();
startCurves();
startConfusion();
startResiduals();
startAlignments();
startForces();
startArrows();
startRollout();
startDrift();
wireColors();
