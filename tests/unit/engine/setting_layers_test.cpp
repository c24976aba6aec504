#include "bpg/engine/setting_layers.hpp"

#include <gtest/gtest.h>

#include "bpg/util/error.hpp"

namespace bpg::engine {
namespace {

using Settings = std::vector<ServerSetting>;

TEST(SettingLayers, AProfileIsSettings) {
  EXPECT_EQ(settings_of({}), Settings{});
  EXPECT_EQ(settings_of({.relaxed = true}),
            (Settings{{"fsync", "off"}, {"full_page_writes", "off"}, {"synchronous_commit", "off"}}));
  EXPECT_EQ(settings_of({.memory_bytes = uint64_t{1} << 30}), (Settings{{"effective_cache_size", "786432kB"},
                                                                      {"maintenance_work_mem", "65536kB"},
                                                                      {"shared_buffers", "262144kB"},
                                                                      {"work_mem", "4096kB"}}));
}

TEST(SettingLayers, WhatAProfileNamesStandsAboveItsMemory) {
  const Settings settings = settings_of({.memory_bytes = uint64_t{64} << 20, .settings = {{"work_mem", "1MB"}}});
  EXPECT_EQ(settings.back(), (ServerSetting{"work_mem", "1MB"}));
}

TEST(SettingLayers, TheSecondListWins) {
  EXPECT_EQ(merge_settings({{"a", "1"}, {"b", "1"}}, {{"b", "2"}, {"c", "2"}}), (Settings{{"a", "1"}, {"b", "2"}, {"c", "2"}}));
}

TEST(SettingLayers, SettingsAreParsed) {
  EXPECT_EQ(parse_setting("Work_Mem =64MB"), (ServerSetting{"work_mem", "64MB"}));
  EXPECT_EQ(parse_setting("search_path=a=b"), (ServerSetting{"search_path", "a=b"}));
  EXPECT_EQ(parse_setting("log_line_prefix="), (ServerSetting{"log_line_prefix", ""}));
  EXPECT_EQ(parse_setting("log_line_prefix=%m ").value, "%m ");
  EXPECT_THROW(parse_setting("work_mem"), Error);
}

}  // namespace
}  // namespace bpg::engine
