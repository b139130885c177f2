/* Wiring of a training page. */

startRuns();
startCurves();
startConfusion();
startResiduals();
wireColors();
