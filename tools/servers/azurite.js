"use strict";
// Azurite's blob server, which ends when its standard input closes: no test run leaves one behind,
// however the run itself ended.
process.stdin.resume();
process.stdin.on("end", () => process.kill(process.pid, "SIGTERM"));
require("azurite/dist/src/blob/main.js");
