// From the bytes of a Prometheus answer to judged samples, one core: parse, look the series up,
// commit the columns, z-score. Beside it the same with a general JSON parser and labels looked up
// by value.
#include <benchmark/benchmark.h>

#include <map>
#include <nlohmann/json.hpp>

#include "heald/testing.h"
#include "plugins/detectors/zscore/detector.h"
#include "plugins/support/prometheus/answer.h"

namespace {

using namespace heald;

constexpr int kSeries = 1000;

std::string AnswerText(int round) {
  std::string text = R"({"status":"success","data":{"resultType":"vector","result":[)";
  for (int i = 0; i < kSeries; ++i) {
    if (i != 0) text += ',';
    text += R"({"metric":{"instance":"10.0.)" + std::to_string(i / 250) + "." +
            std::to_string(i % 250) + R"(:9100","job":"node","service":"s)" + std::to_string(i) +
            R"("},"value":[)" + std::to_string(1795290124 + round) + ".794,\"" +
            std::to_string(0.04 + (i * 7 + round) % 13 * 0.001) + "\"]}";
  }
  return text + "]}}";
}

void FromPrometheusJson(benchmark::State& state) {
  sdk::testing::FakeHost host;
  sdk::testing::DetectorHarness<zscore::Detector> detector(host);
  prometheus::SeriesCache cache(
      [&](const sdk::LabelSet& labels) { return host.host().Intern("q", labels); });
  prometheus::AnswerParser parser;
  prometheus::Columns columns;
  std::vector<std::string> texts;
  for (int round = 0; round < 20; ++round) texts.push_back(AnswerText(round));
  int round = 0;
  for (auto _ : state) {
    columns.Resize(0);
    parser.ParseInstant(texts[static_cast<size_t>(round++ % 20)], cache, &columns);
    // Time goes on, so that every sample is later than the one before.
    for (int64_t& ts : columns.ts_ns) ts += round * int64_t{1'000'000'000'000};
    const heald_samples samples{
        sizeof samples, 0,      columns.series.data(), columns.ts_ns.data(), columns.value.data(),
        columns.size(), nullptr};
    heald_error error = sdk::detail::NewError();
    zscore::Detector::VTable()->samples(&detector.detector(), &samples, detector.sink().table(),
                                        &error);
  }
  state.SetItemsProcessed(state.iterations() * kSeries);
}
BENCHMARK(FromPrometheusJson);

void BaselineGeneralJsonAndMap(benchmark::State& state) {
  std::map<std::map<std::string, std::string>, std::vector<double>> series;
  const std::string text = AnswerText(0);
  for (auto _ : state) {
    const nlohmann::json answer = nlohmann::json::parse(text);
    for (const nlohmann::json& row : answer["data"]["result"]) {
      std::vector<double>& values = series[row["metric"].get<std::map<std::string, std::string>>()];
      if (values.size() > 20) values.clear();
      values.push_back(std::stod(row["value"][1].get<std::string>()));
      double sum = 0;
      for (const double value : values) sum += value;
      benchmark::DoNotOptimize(sum);
    }
  }
  state.SetItemsProcessed(state.iterations() * kSeries);
}
BENCHMARK(BaselineGeneralJsonAndMap);

}  // namespace

BENCHMARK_MAIN();
