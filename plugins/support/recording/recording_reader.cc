#include "plugins/support/recording/recording_reader.h"

#include <nlohmann/json.hpp>

#include "plugins/support/recording/csv_cells.h"
#include "plugins/support/recording/sample_line.h"

namespace heald::recording {

namespace {

using Json = nlohmann::json;

// What member access and conversions throw ends here.
template <typename F>
std::string Reading(F read) {
  try {
    return read();
  } catch (const Json::exception&) {
    return "not a line of a recording, see docs/recording.md";
  }
}

}  // namespace

std::unique_ptr<HistoryFile> RecordingReader::Open(std::unique_ptr<LineReader> lines,
                                                   std::string* error) {
  std::unique_ptr<RecordingReader> reader(new RecordingReader(std::move(lines)));
  const std::string wrong = reader->ReadHead();
  if (wrong.empty()) return reader;
  *error = reader->lines_->Where() + ": " + wrong;
  return nullptr;
}

std::string RecordingReader::ReadHead() {
  return Reading([&]() -> std::string {
    const Json head = Json::parse(lines_->text(), nullptr, false);
    const auto version = head.is_object() ? head.find("heald_recording") : head.end();
    if (version == head.end())
      return "the first line isn't that of a recording: {\"heald_recording\":1, …}";
    if (const int found = version->get<int>(); found != kRecordingVersion)
      return "this recording has format " + std::to_string(found) + ", this heald reads format " +
             std::to_string(kRecordingVersion) + ": update heald";
    if (const auto sources = head.find("sources"); sources != head.end())
      outputs_ = sources->get<Outputs>();
    return "";
  });
}

// A line that declares a series, or the last one.
std::string RecordingReader::ReadOther() {
  return Reading([&]() -> std::string {
    const Json json = Json::parse(lines_->text());
    if (json.contains("end")) {
      ended_ = true;
      return "";
    }
    if (json.at("series").get<size_t>() != series_.size())
      return "series are numbered from 0 on; " + std::to_string(series_.size()) + " comes next";
    RecordedSeries series;
    series.source = json.value("source", "");
    series.name = json.at("name").get<std::string>();
    if (series.name.empty()) return "a series has no name";
    if (const auto labels = json.find("labels"); labels != json.end())
      for (const auto& [label, value] : labels->items())
        series.labels.Set(label, value.get<std::string>());
    series_.push_back(std::move(series));
    return "";
  });
}

Step RecordingReader::Finish(const std::string& torn) {
  if (!ended_)
    remark_ = lines_->path() + ": the recording wasn't finished" + torn +
              "; what had been written is read";
  return Step::kEnd;
}

Step RecordingReader::Next(Moment* moment) {
  for (;;) {
    const Step step = lines_->Next();
    if (step == Step::kFailed) error_ = lines_->error();
    if (step == Step::kEnd) return Finish("");
    if (step != Step::kNext) return step;
    if (Trim(lines_->text()).empty()) continue;
    const bool samples = IsSampleLine(lines_->text());
    std::string wrong;
    if (ended_)
      wrong = "there is something behind the recording's last line";
    else if (!samples)
      wrong = ReadOther();
    else if (const char* broken = ParseSampleLine(lines_->text(), series_.size(), moment))
      wrong = broken;
    if (wrong.empty() && samples) return Step::kNext;
    if (wrong.empty()) continue;
    // Whoever wrote it was stopped in the middle of the line.
    if (lines_->open_end() && !ended_)
      return Finish(" (line " + std::to_string(lines_->line()) + " is torn)");
    error_ = lines_->Where() + ": " + wrong;
    return Step::kFailed;
  }
}

}  // namespace heald::recording
