/* Wiring of a training page. */

startRuns();
startCurves();
startConfusion();
startResiduals();
startAlignments();
startForces();
startRollout();
startDrift();
wireColors();
