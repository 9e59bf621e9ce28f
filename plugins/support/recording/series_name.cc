#include "plugins/support/recording/series_name.h"

#include "plugins/support/recording/csv_cells.h"

namespace heald::recording {

namespace {

// Takes a quoted text from the front; false: there is none.
bool TakeQuoted(std::string_view* rest, std::string* value) {
  if (rest->empty() || (rest->front() != '"' && rest->front() != '\'')) return false;
  const char quote = rest->front();
  for (size_t i = 1; i < rest->size(); ++i) {
    const char c = (*rest)[i];
    if (c == quote) {
      rest->remove_prefix(i + 1);
      return true;
    }
    if (c == '\\' && i + 1 < rest->size()) {
      const char escaped = (*rest)[++i];
      *value += escaped == 'n' ? '\n' : escaped;
    } else {
      *value += c;
    }
  }
  return false;
}

}  // namespace

const char* ParseSeriesName(std::string_view text, RecordedSeries* series) {
  const size_t brace = text.find('{');
  series->name = Trim(text.substr(0, brace));
  if (series->name.empty()) return "there is no name before the labels";
  if (brace == std::string_view::npos) return nullptr;
  constexpr const char* kForm = "labels are written {service=\"payments\", zone=\"a\"}";
  std::string_view rest = Trim(text.substr(brace + 1));
  while (!rest.starts_with('}')) {
    const size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return kForm;
    const std::string label(Trim(rest.substr(0, equals)));
    rest = Trim(rest.substr(equals + 1));
    std::string value;
    if (label.empty() || !TakeQuoted(&rest, &value)) return kForm;
    series->labels.Set(label, value);
    rest = Trim(rest);
    if (rest.starts_with(','))
      rest = Trim(rest.substr(1));
    else if (!rest.starts_with('}'))
      return kForm;
  }
  return rest == "}" ? nullptr : "there is something behind the labels";
}

std::string SeriesName(const RecordedSeries& series) {
  std::string text = series.name;
  for (const auto& [label, value] : series.labels.items()) {
    text += text.size() == series.name.size() ? "{" : ", ";
    text += label + "=\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') text += '\\';
      if (c == '\n')
        text += "\\n";
      else
        text += c;
    }
    text += '"';
  }
  if (!series.labels.items().empty()) text += '}';
  return text;
}

}  // namespace heald::recording
