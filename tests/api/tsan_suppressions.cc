// Debian's Poco is not instrumented: the thread sanitizer does not see the reference counts and
// locks inside it that order a socket's life, and reports its own accept, poll and close as races.
// Races between heald's own accesses are still reported.
#ifdef __SANITIZE_THREAD__
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:libPocoNet.so\nrace:libPocoFoundation.so\n";
}
#endif
