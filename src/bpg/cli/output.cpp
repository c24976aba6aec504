#include "bpg/cli/output.hpp"

#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bpg/util/display.hpp"

namespace bpg::cli {

namespace {

void print_line(std::FILE* file, std::string_view text) {
  if (!text.empty()) {
    fmt::print(file, "{}{}", text, text.back() == '\n' ? "" : "\n");
  }
}

/// JSON is UTF-8; what is not, such as the name of a file, has U+FFFD in it.
std::string dumped(const nlohmann::ordered_json& json, int indent) {
  return json.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

void Output::result(const nlohmann::ordered_json& as_json, std::string_view as_quiet, std::string_view as_text) const {
  end_progress();
  if (json) {
    print_line(stdout, dumped(as_json, 2));
  } else if (quiet) {
    print_line(stdout, as_quiet);
  } else {
    print_line(stdout, as_text);
  }
}

void Output::note(std::string_view text) const {
  if (!json && !quiet) {
    end_progress();
    print_line(stderr, printable(text, true));
  }
}

void Output::note_on_the_way(std::string_view text) {
  if (progress) {
    note(text);
    progress.reset();
    begin_progress();
  }
}

void Output::begin_progress() {
  if (!json && !quiet && verbosity == 0 && is_terminal(STDERR_FILENO) && !progress) {
    progress = std::make_unique<Progress>();
  }
}

void Output::end_progress() const {
  if (progress) {
    progress->end();
  }
}

void Output::error(const Error& error) const {
  end_progress();
  if (json) {
    const nlohmann::ordered_json object{{"error",
                                         {{"code", describe(error.code()).slug},
                                          {"message", error.message()},
                                          {"hint", error.hint().empty() ? nlohmann::json(nullptr) : nlohmann::json(error.hint())}}}};
    print_line(stderr, dumped(object, -1));
    return;
  }
  print_line(stderr, fmt::format("{} {}", coloured("bpg:", Colour::red, error_colour), printable(error.message(), true)));
  if (!error.hint().empty()) {
    print_line(stderr, fmt::format("{} {}", coloured("hint:", Colour::yellow, error_colour), printable(error.hint(), true)));
  }
}

}  // namespace bpg::cli
