// One clear line when the process dies of a fatal signal: which signal, in which plugin call. Used
// by `heald run`. Thread rule: call once at start.
#pragma once

namespace heald::agent {

void InstallCrashHandler();

}  // namespace heald::agent
