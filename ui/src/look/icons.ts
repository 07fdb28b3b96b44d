export {
  IconAlertTriangle, IconArrowsMinimize, IconBell, IconCheck, IconChevronRight, IconClock, IconCube, IconDots, IconFileCheck, IconFilter,
  IconGitPullRequest, IconHistory, IconPlugConnectedX, IconRuler, IconSearch, IconSettings, IconShieldCheck, IconStack2, IconTarget, IconTopologyStar3 as IconMap,
  IconTrash, IconX, IconMoon, IconSun, IconLogout, IconAntenna, IconQuestionMark,
} from "@tabler/icons-react";
