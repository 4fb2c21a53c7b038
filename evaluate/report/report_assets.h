/* report_assets: the report's style and script, which lie beside this file as report.css and report.js and
 * are copied into the program when it is assembled. */
#pragma once

extern const char report_css[], report_js[];
