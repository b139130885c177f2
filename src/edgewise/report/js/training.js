/* Wiring of a training page. */

startRuns();
startCurves();
startConfusion();
startResiduals();
startAlignments();
wireColors();
