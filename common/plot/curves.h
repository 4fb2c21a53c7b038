/* curves: the learning curves of a training, from its history. */
#pragma once
#include "common/model/history.h"
#include "common/plot/canvas.h"

typedef struct {
    const History *history;
    const char *title; /* above both; NULL: none */
} Curves;

/* Loss and accuracy of training and validation side by side, the best epoch marked. */
CanvasFigure curves_figure(const Curves *curves);
