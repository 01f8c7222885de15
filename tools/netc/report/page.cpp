#include "tools/netc/report/page.h"

#include <algorithm>
#include <kainjow/mustache.hpp>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace netc::tools {

extern const std::pair<std::string_view, std::string_view> report_templates[];
extern const size_t report_templates_count;

namespace {
namespace mustache = kainjow::mustache;

mustache::data data_of(const nlohmann::json& value) {
  if (value.is_object()) {
    mustache::data object;
    for (const auto& [key, part] : value.items()) object.set(key, data_of(part));
    return object;
  }
  if (value.is_array()) {
    mustache::data list(mustache::data::type::list);
    for (const nlohmann::json& part : value) list.push_back(data_of(part));
    return list;
  }
  if (value.is_boolean()) return mustache::data(value.get<bool>());
  if (value.is_string() && !value.get_ref<const std::string&>().empty())
    return mustache::data(value.get<std::string>());
  if (value.is_number()) return mustache::data(value.dump());
  return mustache::data(false);
}
}  // namespace

std::string render_page(const nlohmann::json& values) {
  mustache::data data = data_of(values);
  std::string text;
  for (size_t i = 0; i < report_templates_count; ++i) {
    const auto& [file, content] = report_templates[i];
    if (file == "page.html") {
      text = content;
      continue;
    }
    std::string name(file);  // a dot would ask for a part of an object
    std::replace(name.begin(), name.end(), '.', '_');
    data.set(name,
             mustache::data(mustache::partial([part = content] { return std::string(part); })));
  }
  mustache::mustache page(text);
  const std::string html = page.render(data);
  if (!page.is_valid()) throw std::logic_error("report template: " + page.error_message());
  return html;
}

}  // namespace netc::tools
