"""The configuration as logic reads it: a ConfigParser."""

import configparser


class Forgiving(configparser.BasicInterpolation):
    """Replaces %(name)s as ever, and leaves a % as it is that means nothing: a password may have one."""

    def before_get(self, parser, section, option, value, defaults):
        try:
            return super().before_get(parser, section, option, value, defaults)
        except configparser.InterpolationError:
            return value

    def before_set(self, parser, section, option, value):
        return value


def parser(sections):
    """Of {section: {key: value}}."""
    made = configparser.ConfigParser(interpolation=Forgiving(), strict=False, allow_no_value=True)
    made.read_dict(sections)
    return made
