#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <getopt.h>

#include "bpg/util/error.hpp"
#include "bpg/wal/get.hpp"
#include "bpg/wal/init.hpp"
#include "bpg/wal/lines.hpp"
#include "bpg/wal/push.hpp"

namespace {

using namespace bpg;

constexpr const char* usage = R"(usage: bpg-wal push --archive DIR [OPTION...] PATH        archive_command: PATH is %p
       bpg-wal get --archive DIR [OPTION...] NAME PATH    restore_command: NAME is %f, PATH is %p
       bpg-wal init --archive DIR [--volume ID]           make the archive of the cluster in the working directory

  --archive DIR         the archive of one volume
  --volume ID           push: the archive must be of this volume; init: it is
  --data DIR            push, init: the data directory, unless it is the working directory
  --compression CODEC   push: zstd (the default), lz4 or none
  --level N             push: 1 to 19 for zstd (1), 0 to 12 for lz4 (0)
  --jobs N              how many segments are worked on at a time (2)
  --ancestor T:LSN:DIR  get: an archive that this history came from, up to LSN on timeline T; may be repeated
  --prefetch N          get: uncompress up to N segments ahead (8)
  --spool DIR           get: where those are kept; else pg_wal/bpg-spool while PostgreSQL recovers

push ends with 0 when PATH is durable in the archive, else with 1.
get ends with 0, with 1 where it is proven that the archive has no such file, and with 255 for everything else.
)";

struct Arguments {
  std::string archive;
  std::string volume;
  std::string data = ".";
  std::string spool;
  std::vector<wal::Ancestor> ancestors;
  wal::Codec codec = wal::Codec::zstd;
  std::optional<int> level;
  unsigned jobs = 2;
  unsigned prefetch = 8;
  std::vector<std::string> words;
};

Error usage_error(const std::string& message) { return Error(ErrorCode::usage, message, "See bpg-wal --help."); }

unsigned number_between(const char* option, const char* text, unsigned lowest, unsigned highest) {
  const auto number = wal::parse_number<uint32_t>(text);
  if (!number || *number < lowest || *number > highest) {
    throw usage_error("--" + std::string(option) + " takes a number from " + std::to_string(lowest) + " to " +
                      std::to_string(highest) + ", not '" + text + "'");
  }
  return *number;
}

Arguments parse(int argc, char** argv) {
  enum Option { archive = 1, volume, data, codec, level, jobs, ancestor, prefetch, spool };
  static const struct option options[] = {{"archive", required_argument, nullptr, archive},
                                          {"volume", required_argument, nullptr, volume},
                                          {"data", required_argument, nullptr, data},
                                          {"compression", required_argument, nullptr, codec},
                                          {"level", required_argument, nullptr, level},
                                          {"jobs", required_argument, nullptr, jobs},
                                          {"ancestor", required_argument, nullptr, ancestor},
                                          {"prefetch", required_argument, nullptr, prefetch},
                                          {"spool", required_argument, nullptr, spool},
                                          {nullptr, 0, nullptr, 0}};
  Arguments arguments;
  ::opterr = 0;
  for (;;) {
    switch (::getopt_long(argc, argv, "", options, nullptr)) {
      case archive:
        arguments.archive = ::optarg;
        break;
      case volume:
        arguments.volume = ::optarg;
        break;
      case data:
        arguments.data = ::optarg;
        break;
      case codec:
        if (const auto parsed = wal::parse_codec(::optarg)) {
          arguments.codec = *parsed;
          break;
        }
        throw usage_error("--compression takes zstd, lz4 or none, not '" + std::string(::optarg) + "'");
      case level:
        arguments.level = static_cast<int>(number_between("level", ::optarg, 0, 19));
        break;
      case jobs:
        arguments.jobs = number_between("jobs", ::optarg, 1, 64);
        break;
      case ancestor:
        if (auto parsed = wal::Ancestor::parse(::optarg)) {
          arguments.ancestors.push_back(std::move(*parsed));
          break;
        }
        throw usage_error("--ancestor takes TIMELINE:LSN:DIRECTORY, not '" + std::string(::optarg) + "'");
      case prefetch:
        arguments.prefetch = number_between("prefetch", ::optarg, 0, 64);
        break;
      case spool:
        arguments.spool = ::optarg;
        break;
      case -1:
        arguments.words.assign(argv + ::optind, argv + argc);
        if (arguments.archive.empty()) {
          throw usage_error("--archive is missing");
        }
        return arguments;
      default:
        throw usage_error("an option is unknown, or lacks its value");
    }
  }
}

void say(std::string_view text) {
  std::fprintf(stderr, "bpg-wal: %.*s\n", static_cast<int>(text.size()), text.data());
}

void say(const Error& error) {
  say(error.message());
  if (!error.hint().empty()) {
    std::fprintf(stderr, "  %s\n", error.hint().c_str());
  }
}

int run_push(const Arguments& arguments) {
  if (arguments.words.size() != 1) {
    throw usage_error("push takes one path");
  }
  const wal::Levels levels = wal::levels_of(arguments.codec);
  const int level = arguments.level.value_or(levels.standard);
  if (level < levels.lowest || level > levels.highest) {
    throw usage_error(std::string(to_string(arguments.codec)) + " has no level " + std::to_string(level));
  }
  wal::push({.archive = arguments.archive,
             .source = arguments.words[0],
             .data_directory = arguments.data,
             .volume = arguments.volume,
             .store = {.codec = arguments.codec, .level = level, .warn = [](const std::string& text) { say(text); }},
             .jobs = arguments.jobs});
  return 0;
}

int run_get(const Arguments& arguments) {
  if (arguments.words.size() != 2) {
    throw usage_error("get takes a name and a path");
  }
  const std::filesystem::path destination = arguments.words[1];
  std::filesystem::path spool = arguments.spool;
  // Under these names PostgreSQL asks for what recovery needs (xlogrecovery.c, timeline.c).
  const bool recovers = destination.filename() == "RECOVERYXLOG" || destination.filename() == "RECOVERYHISTORY";
  if (spool.empty() && recovers) {
    spool = destination.parent_path() / "bpg-spool";
  }
  const auto result = wal::get({.archive = arguments.archive,
                                .ancestors = arguments.ancestors,
                                .name = arguments.words[0],
                                .destination = destination,
                                .spool = spool,
                                .prefetch = arguments.prefetch,
                                .jobs = arguments.jobs});
  return result == wal::GetResult::restored ? 0 : 1;
}

int run_init(const Arguments& arguments) {
  if (!arguments.words.empty()) {
    throw usage_error("init takes no further words");
  }
  wal::init({.archive = arguments.archive, .data_directory = arguments.data, .volume = arguments.volume});
  return 0;
}

/// Everything that is not the success of `run` ends with `failure`: PostgreSQL's archiver dies of a status above 125,
/// and its recovery takes 1 to 125 for the end of the WAL.
template <class Run>
int guarded(int failure, Run run) {
  try {
    return run();
  } catch (const Error& error) {
    say(error);
  } catch (const std::exception& error) {
    say(error.what());
  }
  return failure;
}

}  // namespace

int main(int argc, char** argv) {
  // A full quota must be an error here, not the end by a signal.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "push") {
    return guarded(1, [&] { return run_push(parse(argc - 1, argv + 1)); });
  }
  if (command == "get") {
    return guarded(255, [&] { return run_get(parse(argc - 1, argv + 1)); });
  }
  if (command == "init") {
    return guarded(1, [&] { return run_init(parse(argc - 1, argv + 1)); });
  }
  const bool asked = command == "--help" || command == "-h";
  std::fputs(usage, asked ? stdout : stderr);
  return asked ? 0 : 255;  // the mistyped command may be a restore_command
}
