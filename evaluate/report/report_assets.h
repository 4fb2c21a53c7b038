/* report_assets: the report's style and scripts, which lie beside this file as report.css, report.js and review.js and
 * are copied into the program when it is assembled. */
#pragma once

extern const char report_css[], report_js[], review_js[];
