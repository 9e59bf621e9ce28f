// Debian's Poco is not instrumented: the thread sanitizer does not see the reference counts and
// locks inside it that hand a socket from the accepting thread to a pool thread, and reports the
// socket's own life as races. Only the accepting thread and the socket's functions are named here,
// not the pool threads, whose stacks hold all of heald's own code.
#ifdef __SANITIZE_THREAD__
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:Poco::Net::TCPServer::run\n"
         "race:Poco::Net::SocketImpl::\n"
         "race:Poco::Net::Socket::poll\n";
}
#endif
