#include "core/cli/score.h"

#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>

#include "core/backtest/metric_csv.h"
#include "core/backtest/score_run.h"
#include "core/backtest/scratch.h"
#include "core/cli/same_file.h"
#include "core/cli/say.h"
#include "core/cli/spoken_services.h"
#include "core/config/plugin_config.h"
#include "core/model/suggest.h"
#include "core/plugin/loader.h"

namespace heald::cli {
namespace {

namespace fs = std::filesystem;
using backtest::CsvRow;
using backtest::MetricCsv;
using backtest::RowScore;
using backtest::ScoreRun;

// By name, or by the path of a file that has one detector.
Result<const Component*> FindDetector(plugin::Loader& plugins, const std::string& name) {
  if (name.find('/') != std::string::npos) {
    const std::string path = fs::absolute(name).lexically_normal().string();
    if (Status status = plugins.LoadFile(path); !status) return status.error();
    for (const Component* component : plugins.All())
      if (component->kind == Kind::kDetector && component->file == path) return component;
    return MakeError(Code::kNotFound, path + " has no detector");
  }
  if (const Component* component = plugins.Find(Kind::kDetector, name)) return component;
  if (const std::string trouble = plugins.LoadError(Kind::kDetector, name); !trouble.empty())
    return MakeError(Code::kInvalid, "the plugin '" + name + "' couldn't be loaded: " + trouble);
  std::vector<std::string> available;
  for (const Component* component : plugins.All())
    if (component->kind == Kind::kDetector) available.push_back(component->name);
  return MakeError(Code::kNotFound, "there is no detector plugin '" + name +
                                        "'; available: " + JoinNames(available, 24) +
                                        ", or give the path of a plugin file");
}

// Written beside its place and moved there at the end, so that what is there is always whole.
class Output {
 public:
  explicit Output(const std::string& path)
      : path_(path), direct_(path == "-" || (fs::exists(path) && !fs::is_regular_file(path))) {
    if (path_ == "-") {
      file_ = stdout;
    } else {
      part_ = direct_ ? path_ : path_ + ".part";
      file_ = std::fopen(part_.c_str(), "w");
    }
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() {
    if (file_ == nullptr) return;
    if (file_ != stdout) std::fclose(file_);
    std::error_code ignored;
    if (!direct_) fs::remove(part_, ignored);
  }
  bool opened() const { return file_ != nullptr; }
  void Write(const std::string& text) { std::fwrite(text.data(), 1, text.size(), file_); }
  bool Finish() {
    std::FILE* const file = std::exchange(file_, nullptr);
    const bool failed = std::fflush(file) != 0 || std::ferror(file) != 0;
    if (file != stdout && std::fclose(file) != 0) return false;
    if (failed || direct_) return !failed;
    return std::rename(part_.c_str(), path_.c_str()) == 0;
  }

 private:
  const std::string path_;
  const bool direct_;  // stdout, a pipe, a device: nothing to move
  std::string part_;
  std::FILE* file_ = nullptr;
};

template <typename... Form>
void AppendNumber(double number, std::string* out, Form... form) {
  char text[400];
  const auto [end, code] = std::to_chars(text, text + sizeof text, number, form...);
  out->append(text, end);
}

void AppendRow(const CsvRow& row, const RowScore& score, std::string* out) {
  out->append(row.time.empty() ? FormatTime(row.ts_ns) : std::string(row.time));
  out->push_back(',');
  AppendNumber(score.score, out);
  out->append(",").append(ToString(score.severity)).append(score.alert ? ",1," : ",0,");
  std::string contributors;
  constexpr double kWorthTelling = 5e-7;  // what six decimals show
  for (const auto& [name, share] : score.contributors) {
    if (share < kWorthTelling) break;
    if (!contributors.empty()) contributors += ';';
    for (const char c : name) contributors += c == ';' ? ',' : c;
    contributors += ':';
    AppendNumber(share, &contributors, std::chars_format::general, 6);
  }
  const bool quoted = contributors.find_first_of(",\"") != std::string::npos;
  if (quoted) out->push_back('"');
  for (const char c : contributors) out->append(c == '"' ? 2 : 1, c);
  if (quoted) out->push_back('"');
  out->push_back('\n');
}

Status Train(MetricCsv& csv, ScoreRun& run, int64_t* end_ns) {
  for (;;) {
    const Result<const CsvRow*> row = csv.Next();
    if (!row) return row.error();
    if (*row == nullptr) return {};
    *end_ns = std::max(*end_ns, (*row)->ts_ns);
    if (Result<RowScore> score = run.Feed((*row)->ts_ns, (*row)->values); !score)
      return score.error();
  }
}

Status WriteScores(MetricCsv& csv, ScoreRun& run, int64_t after_ns, const std::string& file,
                   Output& output) {
  constexpr size_t kFlushBytes = size_t{1} << 16;
  std::string text = "timestamp,score,severity,alert,contributors\n";
  for (bool first = true;; first = false) {
    const Result<const CsvRow*> row = csv.Next();
    if (!row) return row.error();
    if (*row == nullptr) break;
    if (first && (*row)->ts_ns <= after_ns)
      return MakeError(Code::kInvalid, file + ":" + std::to_string(csv.line()) + ": begins at " +
                                           FormatTime((*row)->ts_ns) +
                                           ", before the end of --train at " +
                                           FormatTime(after_ns) + ": train on what came before");
    const Result<RowScore> score = run.Feed((*row)->ts_ns, (*row)->values);
    if (!score) return score.error();
    AppendRow(**row, *score, &text);
    if (text.size() < kFlushBytes) continue;
    output.Write(text);
    text.clear();
  }
  output.Write(text);
  return {};
}

std::string Stem(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  return name.substr(0, name.find('.'));
}

}  // namespace

int Score(const ScoreOptions& options) {
  for (const std::string& file : {options.input, options.train, options.config})
    if (SameFile(file, options.output))
      return Complain(kUsage, "--output " + options.output + " is the file " + file +
                                  " that is read: give the scores another name");
  plugin::Loader plugins(options.pipeline.plugin_dir, {}, options.pipeline.program);
  const Result<const Component*> component = FindDetector(plugins, options.plugin);
  if (!component) return Complain(kNo, component.error().message);
  if (((*component)->inputs & kSamples) == 0)
    return Complain(kNo, "the detector '" + (*component)->name + "' doesn't read samples");
  const ProcessEnvironment environment;
  PluginConfig config = LoadPluginConfig(options.config, **component, environment);
  std::fputs(FormatText(config.diagnostics).c_str(), stderr);
  if (!config.value) return kNo;

  std::unique_ptr<MetricCsv> train;
  int64_t end_ns = INT64_MIN;
  if (!options.train.empty()) {
    Result<std::unique_ptr<MetricCsv>> opened = MetricCsv::Open(options.train);
    if (!opened) return Complain(kNo, opened.error().message);
    train = std::move(*opened);
  }
  Result<std::unique_ptr<MetricCsv>> first = MetricCsv::Open(options.input);
  if (!first) return Complain(kNo, first.error().message);
  if (train && (train->columns() != (*first)->columns() || train->timed() != (*first)->timed()))
    return Complain(kNo, options.train + " and " + options.input +
                             " don't have the same columns in the same order");

  const backtest::Scratch scratch;
  SpokenServices services(SpokenServices::kWarning, "heald: " + options.input + " (" +
                                                        std::to_string((*first)->columns().size()) +
                                                        " columns): ");
  Result<std::unique_ptr<ScoreRun>> run =
      ScoreRun::Create(plugins, {(*component)->name, std::move(*config.value), (*first)->columns(),
                                 Stem(options.input), scratch.path(), &services});
  if (!run) return Complain(kFailed, (*component)->name + ": " + run.error().message);
  if (train)
    if (Status status = Train(*train, **run, &end_ns); !status)
      return Complain(kNo, status.error().message);
  // Without times the input goes on where the training ended.
  Result<std::unique_ptr<MetricCsv>> input =
      end_ns == INT64_MIN ? std::move(first)
                          : MetricCsv::Open(options.input, end_ns + MetricCsv::kStepNs);
  if (!input) return Complain(kNo, input.error().message);
  Output output(options.output);
  if (!output.opened())
    return Complain(kFailed, "can't write " + options.output + ": " + std::strerror(errno));
  if (Status status = WriteScores(**input, **run, end_ns, options.input, output); !status)
    return Complain(kNo, status.error().message);
  if (!output.Finish())
    return Complain(kFailed, "can't write " + options.output + ": " + std::strerror(errno));
  return kDone;
}

}  // namespace heald::cli
