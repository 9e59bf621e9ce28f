// Appends whole lines to a file or to stdout and notices when the file was rotated away. Used by
// the log notifier. Thread rule: one thread at a time.
#pragma once

#include <string>
#include <string_view>

namespace heald::log_notifier {

class LogWriter {
 public:
  // path: empty or "-" is stdout. sync: fsync after every line.
  LogWriter(std::string path, bool sync) : path_(std::move(path)), sync_(sync) {}
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // Appends line and a newline, all or nothing. Empty, or why it could not.
  std::string Append(std::string_view line);

 private:
  bool to_stdout() const { return path_.empty() || path_ == "-"; }
  std::string Open();
  bool Moved() const;
  void Close();

  std::string path_;
  bool sync_;
  int fd_ = -1;
};

}  // namespace heald::log_notifier
