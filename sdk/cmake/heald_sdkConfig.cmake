# find_package(heald_sdk): the target heald::sdk and the function heald_add_plugin.
include(${CMAKE_CURRENT_LIST_DIR}/heald_sdkTargets.cmake)
include(GNUInstallDirs)
include(${CMAKE_CURRENT_LIST_DIR}/heald_sdk_plugin.cmake)
