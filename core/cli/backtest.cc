#include "core/cli/backtest.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "core/agent/environment.h"
#include "core/backtest/scratch.h"
#include "core/cli/moment.h"
#include "core/cli/same_file.h"
#include "core/cli/say.h"
#include "core/config/loader.h"
#include "core/plugin/loader.h"

namespace heald::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNoLimit = 0;

// What is asked for, once it is understood; else the message.
Result<backtest::SpanWanted> SpanOf(const BacktestOptions& options, int64_t now_ns) {
  backtest::SpanWanted span;
  const auto read = [&](const char* option, const std::string& text, const auto& parse,
                        std::optional<int64_t>* to) -> Status {
    if (text.empty()) return {};
    const Result<int64_t> value = parse(text);
    if (!value)
      return MakeError(Code::kInvalid, std::string(option) + ": " + value.error().message);
    *to = *value;
    return {};
  };
  const auto moment = [&](const std::string& text) { return ParseMoment(text, now_ns); };
  const auto duration = [](const std::string& text) { return ParseDuration(text); };
  for (const Status& status : {read("--from", options.from, moment, &span.from_ns),
                               read("--to", options.to, moment, &span.to_ns),
                               read("--warmup", options.warmup, duration, &span.warmup_ns)})
    if (!status) return status.error();
  if (span.from_ns && span.to_ns && *span.from_ns >= *span.to_ns)
    return MakeError(Code::kInvalid, "--from is not before --to: " + FormatTime(*span.from_ns) +
                                         ", " + FormatTime(*span.to_ns));
  return span;
}

// One line that goes on, for people who watch.
class ProgressLine {
 public:
  explicit ProgressLine(std::string file) : file_(std::move(file)), shown_(isatty(2) == 1) {}
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }
  bool shown() const { return shown_; }
  void Show(const backtest::Span& span, int64_t at_ns, uint64_t samples) const {
    std::string share;
    if (span.to_ns != INT64_MAX && span.to_ns > span.begin_ns)
      share = std::to_string((at_ns - span.begin_ns) / ((span.to_ns - span.begin_ns) / 100 + 1)) +
              " %  ";
    std::fprintf(stderr, "\r\033[K%s  %s%s %s  %.1f M samples", file_.c_str(), share.c_str(),
                 at_ns < span.from_ns ? "learning" : "at", FormatTime(at_ns).substr(0, 16).c_str(),
                 static_cast<double>(samples) / 1e6);
    std::fflush(stderr);
  }

 private:
  const std::string file_;
  const bool shown_;
};

// Written beside its place and moved there, so that what is there is always whole.
bool WriteWhole(const std::string& path, const std::string& text) {
  const std::string part = path + ".part";
  std::ofstream out(part, std::ios::binary);
  out << text;
  out.close();
  if (out && std::rename(part.c_str(), path.c_str()) == 0) return true;
  const int why = errno;
  std::error_code ignored;
  fs::remove(part, ignored);
  errno = why;
  return false;
}

int ExitCode(const Error& error) {
  return error.code == Code::kInvalid || error.code == Code::kNotFound ||
                 error.code == Code::kUnsupported
             ? kNo
             : kFailed;
}

}  // namespace

int Backtest(const BacktestOptions& options) {
  std::vector<std::string> files = options.files;
  files.insert(files.end(), options.against.begin(), options.against.end());
  const int64_t now_ns = SystemClock().NowNs();
  const Result<backtest::SpanWanted> span = SpanOf(options, now_ns);
  if (!span) return Complain(kUsage, span.error().message);
  const Result<int64_t> by_itself_ns = ParseDuration(options.by_itself);
  if (!by_itself_ns) return Complain(kUsage, "--by-itself: " + by_itself_ns.error().message);
  if (options.input.empty() && options.from.empty())
    return Complain(kUsage,
                    "say which history: --from -24h, of what the pipeline's sources can look up, "
                    "or --input with a CSV file");
  std::vector<std::string> read_files = files;
  read_files.insert(read_files.end(), {options.input, options.labels});
  for (const std::string& file : read_files)
    if (SameFile(file, options.html))
      return Complain(kUsage, "--html " + options.html + " is the file " + file +
                                  " that is read: give the page another name");
  std::vector<backtest::LabelWindow> labels;
  if (!options.labels.empty()) {
    Result<std::vector<backtest::LabelWindow>> read = backtest::ReadLabelWindows(options.labels);
    if (!read) return Complain(kNo, read.error().message);
    labels = std::move(*read);
  }

  const plugin::Loader plugins(options.pipeline.plugin_dir, {}, options.pipeline.program);
  const agent::AgentEnvironment environment;
  std::vector<PipelineSpec> specs;
  for (const std::string& file : files) {
    LoadResult loaded = LoadPipeline(file, plugins, environment);
    std::fputs(FormatText(loaded.diagnostics).c_str(), stderr);
    if (!loaded.spec) return kNo;
    specs.push_back(std::move(*loaded.spec));
  }
  BacktestReport report;
  report.input = options.input;
  report.by_itself_ns = *by_itself_ns;
  for (size_t i = 0; i < files.size(); ++i) {
    const backtest::Scratch scratch;
    const ProgressLine progress(files[i]);
    backtest::BacktestOptions run{*span, options.input, now_ns, scratch.path()};
    if (progress.shown())
      run.on_progress = [&](const backtest::Span& all, int64_t at_ns, uint64_t samples) {
        progress.Show(all, at_ns, samples);
      };
    Result<backtest::Backtest> done = backtest::RunBacktest(specs[i], plugins, run);
    if (!done) return Complain(ExitCode(done.error()), files[i] + ": " + done.error().message);
    backtest::Summary summary = backtest::Summarize(*done, labels, *by_itself_ns);
    report.results.push_back({files[i], std::move(*done), std::move(summary)});
  }
  if (!options.html.empty() && !WriteWhole(options.html, BacktestHtml(report)))
    return Complain(kFailed, "can't write " + options.html + ": " + std::strerror(errno));
  if (options.format == "json")
    std::puts(BacktestJson(report, kNoLimit, 2).c_str());
  else
    std::fputs(BacktestText(report).c_str(), stdout);
  return kDone;
}

}  // namespace heald::cli
