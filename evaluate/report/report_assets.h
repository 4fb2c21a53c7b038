/* report_assets: the report's style and scripts, and the tools of the page to review on, which lie beside this file as
 * report.css, report.js, review.html and review.js and are copied into the program when it is assembled. */
#pragma once

extern const char report_css[], report_js[], review_html[], review_js[];
