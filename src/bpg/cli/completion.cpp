#include "bpg/cli/completion.hpp"

#include <algorithm>
#include <optional>

#include "bpg/cli/completion_values.hpp"
#include "bpg/cli/topics.hpp"

namespace bpg::cli {

namespace {

struct Candidate {
  std::string word;
  std::string remark;
};

/// Where the words before the last one lead to.
struct Walk {
  const CommandPage* page = nullptr;
  Place place;
  const OptionPage* pending = nullptr;  ///< an option that takes the word that is being typed
  bool operands_only = false;           ///< after "--"
};

const OptionPage* find_option(const CommandPage& root, const CommandPage& page, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  for (const CommandPage* where : {&page, &root}) {
    for (const OptionPage& option : where->options) {
      if (std::ranges::count(option.names, name) > 0) {
        return &option;
      }
    }
  }
  return nullptr;
}

Walk walk(const CommandPage& root, const std::vector<std::string>& words) {
  Walk walk{.page = &root, .place = {}};
  for (const std::string& word : words) {
    if (walk.pending) {
      if (walk.pending->names.back() == "--config") {
        walk.place.config_file = word;
      }
      walk.pending = nullptr;
    } else if (!walk.operands_only && word == "--") {
      walk.operands_only = true;
    } else if (!walk.operands_only && word.starts_with('-') && word.size() > 1) {
      const OptionPage* option = find_option(root, *walk.page, word);
      const bool waits = option && !option->value.type.empty() && word.find('=') == word.npos;
      walk.pending = waits ? option : nullptr;
    } else if (const CommandPage* next = walk.operands_only ? nullptr : walk.page->find(word)) {
      walk.page = next;
    } else {
      walk.place.operands.push_back(word);
    }
  }
  walk.place.command = walk.page->name;
  return walk;
}

std::vector<Candidate> commands_of(const CommandPage& page) {
  std::vector<Candidate> candidates;
  for (const CommandPage& command : page.commands) {
    candidates.push_back({command.last_name(), command.description});
  }
  return candidates;
}

/// The words of `bpg help`: a topic, or a command and what is below it.
std::vector<Candidate> words_of_help(const CommandPage& root, const std::vector<std::string>& operands) {
  const CommandPage* page = &root;
  for (const std::string& word : operands) {
    page = page ? page->find(word) : nullptr;
  }
  std::vector<Candidate> candidates = page ? commands_of(*page) : std::vector<Candidate>{};
  if (operands.empty()) {
    for (const Topic& topic : topics()) {
      candidates.push_back({topic.name, topic.title});
    }
  }
  return candidates;
}

/// `before` is what stands before the value in the same word: "--output=".
std::vector<Candidate> values(const Value& value, const Place& place, const std::string& before = {}) {
  std::vector<Candidate> candidates;
  const std::vector<std::string> fixed = value.words();
  for (const std::string& word : fixed.empty() ? values_of(value.type, place) : fixed) {
    candidates.push_back({word.starts_with(':') ? word : before + word, ""});
  }
  return candidates;
}

std::vector<Candidate> option_names(const CommandPage& root, const CommandPage& page) {
  std::vector<Candidate> candidates;
  const auto add = [&](const CommandPage& where) {
    for (const OptionPage& option : where.options) {
      if (std::ranges::find(candidates, option.names.back(), &Candidate::word) == candidates.end()) {
        candidates.push_back({option.names.back(), option.value.description});
      }
    }
  };
  add(page);
  if (&page != &root) {
    add(root);
  }
  return candidates;
}

std::vector<Candidate> candidates_for(const CommandPage& root, const Walk& walk, const std::string& current) {
  if (walk.pending) {
    return values(walk.pending->value, walk.place);
  }
  if (current.starts_with('-') && !walk.operands_only) {
    const size_t equals = current.find('=');
    if (equals == current.npos) {
      return option_names(root, *walk.page);
    }
    const OptionPage* option = find_option(root, *walk.page, current);
    return option ? values(option->value, walk.place, current.substr(0, equals + 1)) : std::vector<Candidate>{};
  }
  if (!walk.page->commands.empty()) {
    return walk.place.operands.empty() ? commands_of(*walk.page) : std::vector<Candidate>{};
  }
  const auto& arguments = walk.page->arguments;
  if (arguments.empty() || (walk.place.operands.size() >= arguments.size() && !arguments.back().many)) {
    return {};
  }
  const Value& argument = arguments[std::min(walk.place.operands.size(), arguments.size() - 1)];
  return argument.type == "TOPIC" ? words_of_help(root, walk.place.operands) : values(argument, walk.place);
}

}  // namespace

std::string complete(const CommandPage& root, std::vector<std::string> words) try {
  if (words.empty()) {
    return {};
  }
  const std::string current = words.back();
  words.pop_back();
  std::string text;
  for (const Candidate& candidate : candidates_for(root, walk(root, words), current)) {
    if (candidate.word.starts_with(current) || candidate.word.starts_with(':')) {
      text += candidate.word + (candidate.remark.empty() ? "" : "\t" + candidate.remark) + "\n";
    }
  }
  return text;
} catch (const std::exception&) {
  return {};
}

}  // namespace bpg::cli
