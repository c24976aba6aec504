#include "bpg/postgres/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bpg/postgres/setting_check.hpp"
#include "bpg/util/error.hpp"

namespace bpg::postgres {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Settings, LaterLayersStandBelowAndWin) {
  const std::string text = render_settings({.layers = {{"profile ci", {{"work_mem", "1MB"}}}, {"database app", {}}, {"branch app/dev", {{"work_mem", "2MB"}}}}});
  EXPECT_LT(text.find("include_if_exists"), text.find("shared_buffers"));
  EXPECT_LT(text.find("shared_buffers"), text.find("# profile ci"));
  EXPECT_LT(text.find("'1MB'"), text.find("'2MB'"));
  EXPECT_THAT(text, Not(HasSubstr("database app")));
}

TEST(Settings, AVolumeInTheMakingIsNotSyncedWhateverTheLayersSay) {
  const std::string text = render_settings({.durability = Durability::synced_at_the_end, .layers = {{"branch", {{"fsync", "on"}}}}});
  EXPECT_GT(text.find("fsync = 'off'"), text.find("fsync = 'on'"));
}

TEST(Settings, TheWalIsAllowedAFewSegmentsWhateverTheirSize) {
  const auto text = [](uint64_t megabytes) { return render_settings({.wal_segment_size = megabytes << 20}); };
  for (const uint64_t small : {1, 16}) {
    EXPECT_THAT(text(small), HasSubstr("max_wal_size = '256MB'\nmin_wal_size = '32MB'")) << small;
  }
  EXPECT_THAT(text(64), HasSubstr("max_wal_size = '256MB'\nmin_wal_size = '128MB'"));
  EXPECT_THAT(text(1024), HasSubstr("max_wal_size = '4096MB'\nmin_wal_size = '2048MB'"));
}

TEST(Settings, AccessIsAsFarAsTheServersPlaceNeedsIt) {
  for (const Place place : {Place::machine, Place::container, Place::network}) {
    EXPECT_THAT(render_hba(false, place), Not(HasSubstr("host ")));
  }
  EXPECT_THAT(render_hba(true, Place::machine), HasSubstr("local all all peer map=betterpg\nhost all all 127.0.0.1/32 scram-sha-256\n"));
  EXPECT_THAT(render_hba(true, Place::container), HasSubstr("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"));
  EXPECT_THAT(render_hba(true, Place::network), HasSubstr("local all all trust\nhost all all all scram-sha-256\n"));

  const std::pair<std::string, std::string> loopback_alone{"listen_addresses", "127.0.0.1"};
  EXPECT_THAT(fixed_settings("/v", Place::machine), ::testing::Contains(loopback_alone));
  EXPECT_THAT(fixed_settings("/v", Place::container), ::testing::Contains(loopback_alone));
  EXPECT_THAT(fixed_settings("/v", Place::network), ::testing::Contains(std::pair<std::string, std::string>("listen_addresses", "*")));
}

TEST(Settings, ValuesCannotLeaveTheirQuotes) {
  const std::string text = render_settings({.layers = {{"branch", {{"a.b", "x'\\\nport = 1"}}}}});
  EXPECT_THAT(text, HasSubstr(R"(a.b = 'x''\\\nport = 1')"));
}

TEST(Settings, WhatBetterpgDecidesIsRefused) {
  for (const char* name : {"port", "listen_addresses", "unix_socket_directories", "archive_command", "cluster_name",
                           "log_filename", "recovery_target_time", "primary_conninfo", "db_user_namespace", "role"}) {
    EXPECT_THROW(refuse_fixed_setting({name, "x"}), Error) << name;
  }
  EXPECT_THROW(refuse_fixed_setting({"wal_level", "minimal"}), Error);
  for (const char* name : {"work_mem", "wal_level", "log_min_messages", "log_line_prefix"}) {
    EXPECT_NO_THROW(refuse_fixed_setting({name, "x"})) << name;
  }
}

}  // namespace
}  // namespace bpg::postgres
