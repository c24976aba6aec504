#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/json.hpp"
#include "bpg/cli/text.hpp"
#include "bpg/engine/init.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/text.hpp"

namespace bpg::cli {

namespace {

struct Options {
  engine::Init request;
  std::string path;
  std::string pool_file;
  std::string size;
  bool remove = false;
};

std::string describe(const engine::InitResult& result) {
  std::string text = result.put_back ? fmt::format("The catalog was gone: put back its copy of {}.\n", to_rfc3339(*result.put_back)) : "";
  text += result.already_done
              ? fmt::format("Set up already: {} storage in {}.\n", result.location.driver, result.location.root.string())
              : fmt::format("Set up on {} storage in {}: {}.\n", result.location.driver, result.location.root.string(), result.reason);
  for (const std::string& note : result.notes) {
    text += "  " + note + "\n";
  }
  const std::string where = result.image.empty() ? fmt::format("servers run as '{}'", result.account)
                                                 : fmt::format("servers run in containers of {}", result.image);
  text += fmt::format("PostgreSQL {}; {}. betterpg's own files are in {}.\n", fmt::join(result.pg_versions, ", "), where,
                      result.home.string());
  return text + "Next: bpg db create NAME\n";
}

void run(CommandLine& line, Options& options) {
  line.output.begin_progress();
  options.request.config_file = line.config_file;
  if (options.remove) {
    const auto result = engine::remove_init(line.config_file);
    line.output.result(to_json(result), result.home.string(), fmt::format("Removed what init made in {}.\n", result.home.string()));
    return;
  }
  const std::vector<std::string> drivers{"auto", "zfs", "btrfs", "reflink", "copy"};
  if (std::ranges::find(drivers, options.request.driver) == drivers.end()) {
    throw Error(ErrorCode::usage, fmt::format("unknown storage '{}'", options.request.driver),
                did_you_mean(options.request.driver, drivers, fmt::format("It is one of {}.", fmt::join(drivers, ", "))));
  }
  check_runtime(options.request.runtime, options.request.image);
  if (!options.size.empty()) {
    options.request.image_bytes = parse_bytes(options.size);
    if (!options.request.image_bytes) {
      throw Error(ErrorCode::usage, fmt::format("'{}' is not a size", options.size), "Say it like 20G or 512M.");
    }
  }
  if (!options.path.empty()) {
    options.request.path = std::filesystem::absolute(options.path).lexically_normal();
  }
  if (!options.pool_file.empty()) {
    options.request.pool_file = std::filesystem::absolute(options.pool_file).lexically_normal();
  }
  const auto result = engine::init(options.request);
  line.output.result(to_json(result), result.home.string(), describe(result));
}

}  // namespace

void add_init_command(CLI::App& root, CommandLine& line) {
  auto options = options_of<Options>();
  CLI::App* command = add_command(root, "init", "Set up: choose the storage, make betterpg's own files",
                                  "  bpg init                                 choose what fits this machine, and say why\n"
                                  "  bpg init --storage zfs --pool tank       below the ZFS pool tank\n"
                                  "  bpg init --storage zfs --pool-file /srv/betterpg.zfs --size 50G   in a new ZFS pool in that file (root)\n"
                                  "  bpg init --pool tank --zfs-option compression=zstd       with a property of one's own choice\n"
                                  "  bpg init --path /mnt/xfs                 on the file system of that directory\n"
                                  "  bpg init --storage btrfs --size 50G      in a Btrfs image of up to 50 GB (root)\n"
                                  "  bpg init --runtime docker --image postgres:17   servers run in containers\n"
                                  "  bpg init --remove                        take back what init made\n",
                                  {ErrorCode::not_found, ErrorCode::already_exists, ErrorCode::refused});
  command->add_option("--storage", options->request.driver, "How copies are made (auto)")->type_name("auto|zfs|btrfs|reflink|copy");
  command->add_option("--pool", options->request.pool, "A ZFS pool or dataset to use; with --pool-file, the name of the new pool (betterpg)")
      ->type_name("NAME");
  command->add_option("--pool-file", options->pool_file, "Make a ZFS pool in this new file (root)")->type_name("FILE");
  command->add_option("--zfs-option", options->request.zfs_options, "A property of the ZFS dataset, such as compression=zstd; repeatable")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command->add_option("--path", options->path, "A directory to use")->type_name("DIR");
  command->add_option("--size", options->size, "The size of a file-backed pool (20G)")->type_name("SIZE");
  add_runtime_options(*command, options->request.runtime, options->request.image);
  command->add_flag("--preallocate", options->request.preallocate, "Reserve the whole size of a file-backed pool now");
  command->add_flag("--remove", options->remove, "Remove what init made; refused while there are databases");
  command->callback([&line, options] { line.action = [&line, options] { run(line, *options); }; });
}

}  // namespace bpg::cli
