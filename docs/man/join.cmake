# Puts what HEALD says of SECTION where the page FROM has @COMMANDS@ or @KEYS@, and writes TO.
cmake_minimum_required(VERSION 3.23)
execute_process(COMMAND ${HEALD} manual ${SECTION} OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
file(READ ${FROM} page)
string(TOUPPER ${SECTION} place)
string(REPLACE "@${place}@\n" "${said}" page "${page}")
string(REPLACE "@RELEASE@" "${RELEASE}" page "${page}")
file(WRITE ${TO} "${page}")
