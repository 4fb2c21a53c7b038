/* report_assets: see report_assets.h. */
#include "evaluate/report/report_assets.h"

/* report_assets: gcc and clang both hand this to the assembler, which reads the file: no generated source,
 * no escaping. */
#define EMBED(name, file)                                                                                    \
    __asm__(".section .rodata\n.global " #name "\n" #name ":\n.incbin \"" file "\"\n.byte 0\n.previous\n")

EMBED(report_css, "evaluate/report/report.css");
EMBED(report_js, "evaluate/report/report.js");
EMBED(review_html, "evaluate/report/review.html");
EMBED(review_js, "evaluate/report/review.js");
